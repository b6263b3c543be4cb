"""The database: engine, migrations, and the queries under sql/."""
