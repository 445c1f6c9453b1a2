// Where the words of a query stand in a text: case and full or half width do not matter, as they do not to the server.

export interface Range {
  start: number; // in UTF-16 units of the text
  end: number;
}

interface Folded {
  text: string;
  starts: number[]; // for each unit of `text`: where its character begins in the original …
  ends: number[]; // … and ends
}

// One character with the marks that belong to it: half-width kana carry theirs as characters of their own.
const kCharacter = /[\s\S][\p{M}\uFF9E\uFF9F]*/gu;

function fold(text: string): Folded {
  const folded: Folded = { text: '', starts: [], ends: [] };
  for (const match of text.matchAll(kCharacter)) {
    const character = match[0].normalize('NFKC').toLowerCase();
    folded.text += character;
    for (let unit = 0; unit < character.length; ++unit) {
      folded.starts.push(match.index);
      folded.ends.push(match.index + match[0].length);
    }
  }
  return folded;
}

const kLatin = /[\p{Script=Latin}\p{Nd}]/u;

// A word of letters or digits counts where one begins: "red" is in "Reddish" but not in "bored". Scripts that do not
// part their words by spaces have no such places.
function beginsWord(text: string, at: number): boolean {
  return !kLatin.test(text.charAt(at)) || !kLatin.test(text.charAt(at - 1));
}

export function rangesOf(text: string, words: readonly string[]): Range[] {
  const folded = fold(text);
  const found: Range[] = [];
  for (const word of words) {
    const wanted = fold(word).text;
    if (!wanted) continue;
    for (let at = folded.text.indexOf(wanted); at >= 0; at = folded.text.indexOf(wanted, at + 1)) {
      if (!beginsWord(folded.text, at)) continue;
      found.push({ start: folded.starts[at] ?? 0, end: folded.ends[at + wanted.length - 1] ?? text.length });
    }
  }
  found.sort((a, b) => a.start - b.start);
  const joined: Range[] = [];
  for (const range of found) {
    const last = joined.at(-1);
    if (last && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else joined.push({ ...range });
  }
  return joined;
}

export interface Piece {
  text: string;
  isMarked: boolean;
}

export function pieces(text: string, words: readonly string[]): Piece[] {
  const all: Piece[] = [];
  let at = 0;
  for (const { start, end } of rangesOf(text, words)) {
    if (start > at) all.push({ text: text.slice(at, start), isMarked: false });
    all.push({ text: text.slice(start, end), isMarked: true });
    at = end;
  }
  if (at < text.length) all.push({ text: text.slice(at), isMarked: false });
  return all;
}
