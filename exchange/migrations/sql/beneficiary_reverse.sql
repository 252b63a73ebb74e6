DROP TRIGGER exchange_order_beneficiary ON exchange_order;
DROP FUNCTION exchange_beneficiary_is_known();
