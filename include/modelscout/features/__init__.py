"""What is configured for each feature of an organization, and how it is changed."""
