"""Everything that touches Airflow: assets, pools, credentials, authentication."""
