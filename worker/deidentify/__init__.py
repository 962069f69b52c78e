"""What files lose of their patients, by the profile of their clinic."""
