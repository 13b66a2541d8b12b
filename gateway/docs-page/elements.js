// Elements from names, properties and children. Text is always text: nothing here parses HTML.

/**
 * `element('p', { class: 'note' }, 'text', child)`. Functions listen (`onclick`), true sets an empty attribute, null and false leave it out.
 * @param {string} name
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node | string | null)} children
 */
export const element = (name, properties = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === 'function') made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, '');
    else if (value !== null && value !== false && value !== undefined) made.setAttribute(key, String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
};

/** A table that can be scrolled by keyboard when it is wider than the page. */
export const table = (label, headings, rows) =>
  element(
    'div',
    { class: 'scroll', role: 'region', 'aria-label': label, tabindex: 0 },
    element(
      'table',
      {},
      element('thead', {}, element('tr', {}, ...headings.map((heading) => element('th', { scope: 'col' }, heading)))),
      element('tbody', {}, ...rows.map((cells) => element('tr', {}, ...cells.map((cell) => element('td', {}, cell))))),
    ),
  );

/** Code with a button that copies it. */
export const copyable = (label, code) => {
  const said = element('span', { role: 'status', class: 'said' });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(code);
      said.textContent = 'Copied';
    } catch {
      said.textContent = 'Copying is not allowed here; select the text';
    }
  };
  return element(
    'div',
    { class: 'code' },
    element('div', { class: 'bar' }, element('button', { type: 'button', onclick: copy, 'aria-label': `Copy ${label}` }, 'Copy'), said),
    element('pre', { tabindex: 0, 'aria-label': label }, element('code', {}, code)),
  );
};
