"""What the store returns: plain, frozen records, never database rows."""
