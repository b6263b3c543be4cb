// Calls of the JSON API. The browser's cookie says who asks.

const root = new URL(document.body.dataset.root, location.href);

/** An answer that is not a success, with the words of its problem details. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** The answer's JSON. `path` is below api/v1; throws a Problem. */
export async function call(method, path, body) {
  let answer;
  try {
    answer = await fetch(new URL(`api/v1/${path}`, root), {
      method,
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, "The server does not answer. Check the connection and try again.");
  }
  const text = await answer.text();
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    throw new Problem(answer.status, "The server gave an answer that cannot be read.");
  }
  if (answer.status === 401) throw new Problem(401, "You are signed out. Sign in to Airflow again.");
  if (!answer.ok) throw new Problem(answer.status, data?.detail ?? `The server answered ${answer.status}.`);
  return data;
}
