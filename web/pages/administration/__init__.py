"""What admins of a clinic and operators look after."""
