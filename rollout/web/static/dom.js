// How is something put on the page, so that no text from outside can become more than text?
//
// Everything is made node by node: text by text nodes, attributes by name, addresses only of this origin or http(s), and
// geometry by attributes or the CSS object model, as the Content-Security-Policy wants it.

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element. attrs: attributes; `on*` functions listen; `style` is an object; null and false are left out. */
export function h(tag, attrs = {}, ...children) {
  return filled(document.createElement(tag), attrs, children);
}

/** An SVG element, as `h`. */
export function svg(tag, attrs = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attrs, children);
}

/** The node with these children and no others. */
export function put(node, ...children) {
  node.replaceChildren(...nodes(children));
  return node;
}

/** Set a node's text, unless it is that already: a screen reader repeats what is set again. */
export function say(node, text) {
  const words = text === null || text === undefined ? '' : String(text);
  if (node.textContent !== words) node.textContent = words;
  return node;
}

/** Set attributes, as `h` does. */
export function mark(node, attrs) {
  for (const [name, value] of Object.entries(attrs)) set(node, name, value);
  return node;
}

/** An address that a link may lead to: of this origin, or http(s); '' for everything else, such as javascript:. */
export function safeAddress(address) {
  const words = String(address);
  try {
    const found = new URL(words, location.origin);
    return found.protocol === 'http:' || found.protocol === 'https:' ? words : '';
  } catch {
    return '';
  }
}

/**
 * Let `parent` have one child for each item, in order, each known by its key and changed in place.
 * make(item) is a new node; update(node, item) brings a node up to date. What has the focus keeps it.
 */
export function keyed(parent, items, { key, make, update }) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const wanted = items.map((item) => {
    const name = String(key(item));
    const node = old.get(name) ?? make(item);
    node.dataset.key = name;
    old.delete(name);
    update(node, item);
    return node;
  });
  for (const gone of old.values()) gone.remove();
  arrange(parent, wanted, focused);
  if (focused && document.activeElement !== focused && parent.contains(focused)) focused.focus({ preventScroll: true });
}

/** Put nodes in order and leave the one with the focus where it is: moving it would take the focus away. */
function arrange(parent, wanted, focused) {
  const held = focused ? wanted.findIndex((node) => node.contains(focused)) : -1;
  if (held < 0 || wanted[held].parentNode !== parent) {
    inOrder(parent, wanted, parent.firstElementChild);
    return;
  }
  inOrder(parent, wanted.slice(0, held), parent.firstElementChild);
  inOrder(parent, wanted.slice(held + 1), wanted[held].nextElementSibling);
}

/** Let these nodes follow each other, beginning where `place` is; those that do already are not touched. */
function inOrder(parent, wanted, place) {
  for (const node of wanted) {
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
}

function filled(node, attrs, children) {
  for (const [name, value] of Object.entries(attrs ?? {})) set(node, name, value);
  node.append(...nodes(children));
  return node;
}

function set(node, name, value) {
  if (name.startsWith('on') && typeof value === 'function') {
    node.addEventListener(name.slice(2), value);
  } else if (name.startsWith('on')) {
    throw new TypeError(`${name} wants a function`);
  } else if (name === 'style') {
    for (const [property, wanted] of Object.entries(value)) node.style.setProperty(property, String(wanted));
  } else if (value === null || value === undefined || value === false) {
    node.removeAttribute(name);
  } else if (name === 'href' || name === 'src') {
    const address = safeAddress(value);
    if (!address) node.removeAttribute(name);
    else if (node.getAttribute(name) !== address) node.setAttribute(name, address);
  } else {
    const words = value === true ? '' : String(value);
    if (node.getAttribute(name) !== words) node.setAttribute(name, words);
  }
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}
