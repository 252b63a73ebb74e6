DROP FUNCTION core_refuse_xid();
DROP FUNCTION core_xid_horizon();
DROP FUNCTION core_xid();
DROP FUNCTION core_xid_base();
