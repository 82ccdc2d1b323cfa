import { filterName } from '../../../src/client/words.ts';

/** The search of the list's URL: as a form sends it, as it is written, and as its links change it. */

/** The parameters that have fields behind "More filters". `q`, `state`, `order` and `limit` have places of their own. */
export const FIELDS = [
  'name', 'attribute', 'error', 'service', 'uuid', 'parent', 'started_after', 'started_before', 'ended_after', 'ended_before', 'queued_after',
  'queued_before', 'longer_than',
] as const;

const ATTRIBUTE = 'attribute.';
/** Where in the list a page begins: a link with another filter begins at the beginning. */
const PLACE = ['cursor'];
/** What a search may have besides filters. */
const NO_FILTERS = [...PLACE, 'state', 'order', 'limit'];

/** What the form's fields have: `attribute.customer=42` is the text `customer=42` in a field `attribute`. */
export function fieldValues(search: URLSearchParams, name: string): string[] {
  if (name !== 'attribute') return search.getAll(name);
  return [...search].flatMap(([key, value]) => {
    if (key === 'attribute') return [value];
    return key.startsWith(ATTRIBUTE) ? [`${key.slice(ATTRIBUTE.length)}=${value}`] : [];
  });
}

/** The search that a form means: without its empty fields, and with the key of an attribute in the parameter's name. */
export function tidied(search: URLSearchParams): URLSearchParams {
  const tidy = new URLSearchParams();
  for (const [key, value] of search) {
    const text = value.trim();
    const equals = text.indexOf('=');
    if (text === '') continue;
    if (key === 'attribute' && equals > 0) tidy.append(ATTRIBUTE + text.slice(0, equals).trim(), text.slice(equals + 1).trim());
    else tidy.append(key, text);
  }
  return tidy;
}

/** The search with these parameters instead, from the beginning of the list. */
export function changed(search: URLSearchParams, parameters: Readonly<Record<string, string | undefined>>): URLSearchParams {
  const other = new URLSearchParams([...search].filter(([key]) => !PLACE.includes(key) && !(key in parameters)));
  for (const [key, value] of Object.entries(parameters)) if (value !== undefined) other.set(key, value);
  return other;
}

/** Each filter but that of states, in words, with the search that is left without it. */
export function filtersIn(search: URLSearchParams): { label: string; value: string; without: URLSearchParams }[] {
  return [...search].flatMap(([key, value], at) => {
    if (NO_FILTERS.includes(key)) return [];
    const others = [...search].filter(([other], index) => index !== at && !PLACE.includes(other));
    const label = key.startsWith(ATTRIBUTE) ? key.slice(ATTRIBUTE.length) : filterName(key);
    return [{ label, value, without: new URLSearchParams(others) }];
  });
}

/** The address of a list, relative to that of any list. */
export function listUrl(search: URLSearchParams): string {
  // As a person would write it: what is free to stand in a query stays as it is.
  const text = search.toString().replaceAll('%2A', '*').replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%2F', '/');
  return text === '' ? 'tasks' : `tasks?${text}`;
}
