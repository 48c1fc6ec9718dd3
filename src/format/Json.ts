/**
 * Duplicate keys in JSON: `JSON.parse` keeps the last one and says nothing, which hides what a file really holds.
 */

/** The text from the quote at `start` up to the closing one, which valid JSON has. */
const stringEnd = (text: string, start: number): number => {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
};

const space = /\s*/y;

const afterSpace = (text: string, from: number): number => {
  space.lastIndex = from;
  return from + (space.exec(text)?.[0].length ?? 0);
};

/** The first key that some object in this text has twice. The text is valid JSON: parse it first. */
export const duplicateKey = (text: string): string | undefined => {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '{') open.push(new Set());
    else if (c === '}') open.pop();
    else if (c === '"') {
      const end = stringEnd(text, i);
      if (text[afterSpace(text, end)] === ':') {
        const key: string = JSON.parse(text.slice(i, end));
        const keys = open[open.length - 1];
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
      i = end - 1;
    }
  }
  return undefined;
};
