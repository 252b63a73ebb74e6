DROP FUNCTION billing_batch_post;
