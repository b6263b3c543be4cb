"""The page and its JSON API; knows nothing of Airflow."""
