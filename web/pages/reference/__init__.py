"""Pages that are read: the model, help, the documentation of the API."""
