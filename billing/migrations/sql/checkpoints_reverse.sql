DROP TRIGGER billing_checkpoint_append_only ON billing_checkpoint;
DROP TRIGGER billing_checkpoint_cut ON billing_checkpoint;
DROP FUNCTION billing_checkpoint_check();
