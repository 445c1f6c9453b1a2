// "baseColour" and "base_colour" as people write them: "Base colour". Other scripts stay as they are.
export function columnName(column: string): string {
  const words = column
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .trim();
  if (words !== words.toUpperCase()) {
    const lower = words.replace(/\p{Lu}(?=\p{Ll})/gu, (letter) => letter.toLowerCase());
    return lower.charAt(0).toUpperCase() + lower.slice(1);
  }
  return words;
}
