"""What the store gives out: plain, frozen records, never database rows."""
