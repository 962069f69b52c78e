"""De-identification of stored files, by the profile of their clinic."""
