// What `helm test` runs, in the gateway's image: one request to the Service, tried for twenty seconds.
const { URL: base, ENDPOINT: endpoint, TOKEN: token } = process.env;
const headers = token ? { authorization: `Bearer ${token}` } : {};

/** What is wrong with an answer; null for a good one. */
const wrong = ({ status }, { data, meta, error }) => {
  if (endpoint) {
    if (status !== 200) return `HTTP ${status} ${error?.family ?? ''}: ${error?.message ?? 'no message'}`;
    console.log(`${endpoint}: ${data.length} rows of snapshot ${meta.snapshot_id}`);
    return null;
  }
  // Nobody's endpoint, without a key: a gateway refuses it in its own words.
  if (![401, 404].includes(status) || !error?.family || !meta?.request_id) return `HTTP ${status}, which is no answer of a gateway`;
  console.log('gateways answer; name an endpoint to test what it serves: --set test.endpoint=NAME,test.tokenSecret=SECRET');
  return null;
};
const attempt = async () => {
  const response = await fetch(`${base}${endpoint || 'none'}`, { headers, signal: AbortSignal.timeout(5000) });
  return wrong(response, await response.json());
};

const deadline = Date.now() + 20_000;
for (;;) {
  const problem = await attempt().catch((error) => `${error.message} ${error.cause?.code ?? ''}`);
  if (problem === null) break;
  if (Date.now() > deadline) {
    console.error(problem);
    process.exit(1);
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
