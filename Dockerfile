# Modelscout on Airflow's slim image: the code baked in, the locked versions, no compiler, no root.
# The slim image has no provider: those of the full image want versions that the lock does not have.
FROM apache/airflow:slim-3.3.2-python3.12

USER root
COPY --chown=root:0 requirements.txt pyproject.toml README.md LICENSE /opt/modelscout/
COPY --chown=root:0 include /opt/modelscout/include
COPY --chown=root:0 sql /opt/modelscout/sql
COPY --chown=root:0 dags /opt/airflow/dags
COPY --chown=root:0 plugins /opt/airflow/plugins
# A named volume takes its owner from the folder that it is mounted over.
RUN chmod -R a+rX,go-w /opt/modelscout /opt/airflow/dags /opt/airflow/plugins \
    && install -d -o 50000 -g 0 -m 0770 /opt/airflow/logs /opt/airflow/data

USER 50000
# For example apache-airflow-providers-cncf-kubernetes, a remote store for logs, a secrets backend.
ARG MORE_PACKAGES=""
# The lock holds what the checks need too: as constraints it pins without installing that.
RUN pip install --no-cache-dir --constraint /opt/modelscout/requirements.txt \
        "/opt/modelscout[pipeline,web,parquet]" ${MORE_PACKAGES} \
    && python -c "import modelscout.cli, modelscout.web.app, airflow.providers.fab.auth_manager.fab_auth_manager, \
airflow.providers.celery.executors.celery_executor_utils"

# Airflow writes a default airflow.cfg where there is none, and the root of the file system is read-only.
ENV AIRFLOW_CONFIG=/tmp/airflow.cfg \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/airflow/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/airflow/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    MODELSCOUT_DATA_DIR=/opt/airflow/data \
    PYTHONDONTWRITEBYTECODE=1 \
    GX_ANALYTICS_ENABLED=false
