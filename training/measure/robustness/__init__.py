"""What a result must not depend on: changes that keep the finding, styles of hospitals."""
