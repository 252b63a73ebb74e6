"""The double of Stripe, asked through the real SDK."""
