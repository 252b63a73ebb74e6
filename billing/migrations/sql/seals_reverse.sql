DROP TRIGGER billing_head_append_only ON billing_head;
DROP TRIGGER billing_sealpart_append_only ON billing_sealpart;
DROP TRIGGER billing_seal_append_only ON billing_seal;
DROP TRIGGER billing_seal_follows ON billing_seal;
DROP FUNCTION billing_seal_check();
