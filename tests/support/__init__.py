"""What tests of several kinds put between the parts they test."""
