DROP VIEW billing_movement;
