// The form that tries an endpoint, and what came back. The key stays in this page's memory.
import { element, copyable, table } from './elements.js';
import { snippetsOf } from './snippets.js';

const shownRows = 50;

/** What every endpoint of the page shares: the caller's key and where the API is reached from outside. */
export const settings = { key: '', baseUrl: '' };

const typeText = (param) => `${param.type}${param.list ? ' list, separated by commas' : ''}${param.required ? ', required' : ''}`;
/** The bounds of a parameter, those that it has. */
const boundsText = ({ min, max, minLength, maxLength, pattern }) =>
  [
    min === undefined ? null : `from ${min}`,
    max === undefined ? null : `to ${max}`,
    minLength === undefined ? null : `at least ${minLength} characters`,
    maxLength === undefined ? null : `at most ${maxLength} characters`,
    pattern === undefined ? null : `matches ${pattern}`,
  ]
    .filter(Boolean)
    .join(' ');
const aliasText = ({ aliases }) =>
  Object.entries(aliases ?? {})
    .map(([alias, value]) => `${alias} for ${value}`)
    .join(', ');
const choicesOf = (param) =>
  param.list ? [] : param.type === 'boolean' ? ['true', 'false'] : [...(param.enum ?? []), ...Object.keys(param.aliases ?? {})];

const field = (param) => {
  const id = `param-${param.name}`;
  const hint = `${id}-hint`;
  const shared = { id, name: param.name, 'aria-describedby': hint, 'aria-required': param.required ? 'true' : null };
  const choices = choicesOf(param);
  const fallback = param.default === null || param.default === undefined ? '' : String(param.default);
  const about = [typeText(param), boundsText(param), param.description, fallback === '' ? null : `default ${fallback}`, aliasText(param)]
    .filter(Boolean)
    .join(' · ');
  const input =
    choices.length > 0
      ? element(
          'select',
          shared,
          element('option', { value: '' }, 'not sent'),
          ...choices.map((one) => element('option', { value: one }, one)),
        )
      : element('input', { ...shared, type: 'text', autocomplete: 'off', spellcheck: 'false', placeholder: fallback });
  return element('div', { class: 'field' }, element('label', { for: id }, param.name), input, element('small', { id: hint }, about));
};

/** Numbers keep the digits that were sent: a 64-bit integer is more than JavaScript can hold. */
const exact = (_key, value, context) =>
  typeof value === 'number' && context?.source !== undefined && JSON.rawJSON !== undefined ? JSON.rawJSON(context.source) : value;

const rowsTable = (rows) => {
  const names = Object.keys(rows[0] ?? {});
  const cell = (value) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
  return table(
    'Rows',
    names,
    rows.slice(0, shownRows).map((row) => names.map((name) => cell(row[name]))),
  );
};

const answerOf = (status, text) => {
  let body = null;
  try {
    body = JSON.parse(text, exact);
  } catch {
    body = null;
  }
  const rows = status === 200 && Array.isArray(body?.data) ? body.data : null;
  const headline =
    rows !== null
      ? `200: ${rows.length} rows of snapshot ${body.meta.snapshot_id}`
      : `${status}: ${body?.error?.message ?? 'an answer that is not JSON'}`;
  return [
    element('p', { role: 'status', class: rows === null ? 'bad' : 'good' }, headline),
    rows !== null && rows.length > 0 ? rowsTable(rows) : null,
    rows !== null && rows.length > shownRows ? element('p', {}, `The first ${shownRows} rows are shown.`) : null,
    copyable('the answer', body === null ? text : JSON.stringify(body, null, 2)),
  ];
};

/** The form of one endpoint. `onChange` gets the query whenever a field changes. */
export const tryForm = (endpoint, needsKey) => {
  const result = element('div', { class: 'result', 'aria-live': 'polite' });
  const snippets = element('div', { class: 'snippets' });
  const key = element('input', { id: 'key', type: 'password', autocomplete: 'off', 'aria-describedby': 'key-hint' });
  key.value = settings.key;
  const base = element('input', { id: 'base', type: 'url', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'base-hint' });
  base.value = settings.baseUrl;
  const form = element('form', { 'aria-label': `Try ${endpoint.name}`, novalidate: true });

  const query = () =>
    endpoint.params.flatMap(({ name }) => {
      const value = form.elements.namedItem(name)?.value ?? '';
      return value === '' ? [] : [[name, value]];
    });
  const showSnippets = () => {
    settings.key = key.value;
    settings.baseUrl = base.value;
    const made = snippetsOf({ baseUrl: base.value, path: endpoint.path, query: query(), needsKey });
    snippets.replaceChildren(
      ...Object.entries(made).map(([language, code]) =>
        element('section', {}, element('h4', {}, language), copyable(`${language} snippet`, code)),
      ),
    );
  };
  const send = async (event) => {
    event.preventDefault();
    result.replaceChildren(element('p', { role: 'status' }, 'Asking…'));
    const search = new URLSearchParams(query()).toString();
    try {
      const response = await fetch(`docs/try${endpoint.path}${search === '' ? '' : `?${search}`}`, {
        headers: { Accept: 'application/json', ...(key.value === '' ? {} : { Authorization: `Bearer ${key.value}` }) },
        cache: 'no-store',
        credentials: 'omit',
      });
      result.replaceChildren(...answerOf(response.status, await response.text()).filter((one) => one !== null));
    } catch {
      result.replaceChildren(element('p', { role: 'status', class: 'bad' }, 'The gateway cannot be reached.'));
    }
  };
  form.addEventListener('submit', send);
  form.addEventListener('input', showSnippets);
  form.append(
    ...(needsKey
      ? [
          element(
            'div',
            { class: 'field' },
            element('label', { for: 'key' }, 'API key'),
            key,
            element('small', { id: 'key-hint' }, 'kept in this page only, until it is closed'),
          ),
        ]
      : []),
    ...endpoint.params.map(field),
    element('button', { type: 'submit', class: 'send' }, 'Send'),
  );
  const address = element(
    'div',
    { class: 'field' },
    element('label', { for: 'base' }, 'Address of the API for snippets'),
    base,
    element('small', { id: 'base-hint' }, 'where your own programs reach the gateway'),
  );
  base.addEventListener('input', showSnippets);
  showSnippets();
  return [form, result, element('h3', {}, 'From a program'), address, snippets];
};
