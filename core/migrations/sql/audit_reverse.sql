DROP TRIGGER core_auditrecord_own_xid ON core_auditrecord;
DROP TRIGGER core_auditrecord_append_only ON core_auditrecord;
DROP FUNCTION core_refuse_change();
