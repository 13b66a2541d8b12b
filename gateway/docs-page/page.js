// The page: what there is, found by name; one endpoint at a time, named by the URL's fragment.
import { element, table } from './elements.js';
import { settings, tryForm } from './try.js';

const byId = (id) => document.getElementById(id);
const catalogue = await fetch('docs', { headers: { Accept: 'application/json' }, cache: 'no-cache' }).then(
  async (response) => (response.ok ? response.json() : null),
  () => null,
);

const facts = (endpoint) =>
  [
    ['Version', endpoint.version],
    ['Owner', endpoint.owner],
    ['Rows', endpoint.auth.tenant ? "only those of the key's tenant" : null],
    ['Fresh within', endpoint.freshness_minutes === null ? null : `${endpoint.freshness_minutes} minutes`],
    ['Page', `${endpoint.pagination.default_limit} rows, at most ${endpoint.pagination.max_limit}`],
    ['Forms', endpoint.response.formats.map(({ suffix }) => suffix).join(' ')],
    ['Combinations', endpoint.combinations === null ? null : endpoint.combinations.map((set) => `{${set.join(', ')}}`).join(' or ')],
  ]
    .filter(([, value]) => value !== null && value !== undefined)
    .flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, String(value))]);

const deprecation = ({ deprecation: stated }) =>
  stated === null
    ? null
    : element(
        'p',
        { class: 'bad' },
        [
          'Deprecated',
          stated.since && `since ${stated.since}`,
          stated.sunset && `ends ${stated.sunset}`,
          stated.successor && `use ${stated.successor}`,
        ]
          .filter(Boolean)
          .join('; '),
      );

const show = (endpoint) => {
  const needsKey = catalogue.auth.mode !== 'none';
  byId('endpoint').replaceChildren(
    ...[
      element('h2', {}, endpoint.name),
      element('p', { class: 'path' }, element('code', {}, `GET ${endpoint.path}`)),
      deprecation(endpoint),
      endpoint.description === null ? null : element('p', {}, endpoint.description),
      element('dl', {}, ...facts(endpoint)),
      element('h3', {}, 'Try it'),
      ...tryForm(endpoint, needsKey),
      element('h3', {}, 'Columns'),
      table(
        'Columns',
        ['Name', 'Type'],
        endpoint.response.columns.map(({ name, type }) => [name, type]),
      ),
      element('h3', {}, 'Errors'),
      table(
        'Errors',
        ['Status', 'Family', 'Code', 'When'],
        endpoint.errors.map(({ status, family, codes, when }) => [String(status), family, codes.join(', '), when]),
      ),
    ].filter((one) => one !== null),
  );
  document.title = `${endpoint.name} · Offloader`;
};

const current = () => {
  const asked = decodeURIComponent(location.hash.slice(1));
  return catalogue.endpoints.find(({ name }) => name === asked) ?? catalogue.endpoints[0];
};

const list = () => {
  const wanted = byId('search').value.trim().toLowerCase();
  const chosen = current();
  const found = catalogue.endpoints.filter(({ name, description, owner }) =>
    `${name} ${description ?? ''} ${owner ?? ''}`.toLowerCase().includes(wanted),
  );
  byId('found').textContent = found.length === 1 ? '1 endpoint' : `${found.length} endpoints`;
  byId('endpoints').replaceChildren(
    ...found.map((endpoint) =>
      element(
        'li',
        {},
        element('a', { href: `#${encodeURIComponent(endpoint.name)}`, 'aria-current': endpoint === chosen ? 'page' : null }, endpoint.name),
      ),
    ),
  );
};

const begin = () => {
  if (catalogue === null) {
    byId('about').textContent = 'The gateway has not started yet; reload in a moment.';
    return;
  }
  settings.baseUrl = catalogue.api_url ?? `${location.protocol}//${location.hostname}:4000`;
  byId('about').textContent = `${catalogue.auth.note}. Configuration ${catalogue.config_revision?.slice(0, 12) ?? 'none'}.`;
  byId('search').addEventListener('input', list);
  list();
  const open = () => {
    const endpoint = current();
    if (endpoint === undefined) byId('endpoint').replaceChildren(element('p', {}, 'There is no endpoint yet.'));
    else show(endpoint);
    list();
  };
  globalThis.addEventListener('hashchange', () => {
    if (location.hash === '#endpoint') return;
    open();
    byId('endpoint').focus();
  });
  open();
};
begin();
