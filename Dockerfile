# Modelscout on the official Airflow image: the code baked in, the locked versions, no compiler, no root.
FROM apache/airflow:3.3.2-python3.12

USER root
COPY --chown=root:0 requirements.txt pyproject.toml README.md LICENSE /opt/modelscout/
COPY --chown=root:0 include /opt/modelscout/include
COPY --chown=root:0 sql /opt/modelscout/sql
COPY --chown=root:0 dags /opt/airflow/dags
COPY --chown=root:0 plugins /opt/airflow/plugins
RUN chmod -R a+rX,go-w /opt/modelscout /opt/airflow/dags /opt/airflow/plugins

USER airflow
# The lock holds what the checks need too: as constraints it pins without installing that.
RUN pip install --no-cache-dir --constraint /opt/modelscout/requirements.txt \
        "/opt/modelscout[pipeline,web,parquet]" \
    && python -c "import modelscout.cli, modelscout.web.app"

ENV AIRFLOW__CORE__DAGS_FOLDER=/opt/airflow/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/airflow/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    PYTHONDONTWRITEBYTECODE=1 \
    GX_ANALYTICS_ENABLED=false
