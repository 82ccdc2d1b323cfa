/** Colours of the log without an element for each line: ranges over its plain text, in the blocks that are in sight. */

/** What each colour means, by the lines of `src/log-line.ts`. A time may stand before a line. */
const KINDS: readonly (readonly [name: string, lines: RegExp])[] = [
  ['log-step', /^(?:[\d:.]+ )?\t - .*$|^(?:[\d:.]+ )?\t(?:Attempt \d+(?:, again)?|Task (?:Finished|Cancelled).*)$/gm],
  ['log-bad', /^(?:[\d:.]+ )?\t\tFailed$|^(?:[\d:.]+ )?\t\tSee error message:\n(?:.*\n(?:(?:[\d:.]+ )?\t {2}\| .*\n?)*)?/gm],
  ['log-quiet', /^(?:[\d:.]+ )?\t\t(?:Successfully completed|Time spent: .*|Cancelled)$|^[\d:]+\.\d{3} (?=\t)/gm],
];

const painted = new WeakMap<Element, [string, Range][]>();

/** The highlight of a name; `undefined` where the browser has none: then the log is plain, and right. */
function highlight(name: string): Highlight | undefined {
  if (!('highlights' in CSS)) return undefined;
  let found = CSS.highlights.get(name);
  if (found === undefined) CSS.highlights.set(name, (found = new Highlight()));
  return found;
}

/** Colours a block, or what was added to it from a character on. */
export function paint(block: Element, from = 0): void {
  const node = block.firstChild as Text | null;
  if (node === null || highlight('log-step') === undefined) return;
  if (from === 0) unpaint(block);
  const ranges = painted.get(block) ?? [];
  const added = node.data.slice(from);
  for (const [name, lines] of KINDS) {
    for (const match of added.matchAll(lines)) {
      const range = new Range();
      range.setStart(node, from + match.index);
      range.setEnd(node, from + match.index + match[0].length);
      highlight(name)!.add(range);
      ranges.push([name, range]);
    }
  }
  painted.set(block, ranges);
}

export function unpaint(block: Element): void {
  for (const [name, range] of painted.get(block) ?? []) highlight(name)?.delete(range);
  painted.delete(block);
}

/** Marks what was found; `undefined` marks nothing. */
export function markFound(range: Range | undefined): void {
  const marks = highlight('log-found');
  marks?.clear();
  if (range === undefined) return;
  if (marks !== undefined) marks.add(range);
  else getSelection()?.setBaseAndExtent(range.startContainer, range.startOffset, range.endContainer, range.endOffset);
}
