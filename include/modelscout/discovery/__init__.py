"""What each organization's keys can really use."""
