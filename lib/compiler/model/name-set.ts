/** Keys of relations, found again by their last word and by their schema without a look at all others. */
import { isQualified, withoutSchema } from './search-path';

export class NameSet extends Set<string> {
  private readonly groups = new Map<string, Set<string>>();

  override add(key: string): this {
    for (const group of groupsOf(key)) this.groups.set(group, (this.groups.get(group) ?? new Set()).add(key));
    return super.add(key);
  }

  override delete(key: string): boolean {
    for (const group of groupsOf(key)) this.groups.get(group)?.delete(key);
    return super.delete(key);
  }

  /** Those whose name, without a schema, is this word. */
  withWord(word: string): string[] {
    return [...(this.groups.get(`.${word}`) ?? [])];
  }

  /** Those in this schema; empty for those that name none. */
  inSchema(schema: string): string[] {
    return [...(this.groups.get(`${schema}.`) ?? [])];
  }
}

export const wordOf = (key: string): string => (isQualified(key) ? withoutSchema(key) : key);

function groupsOf(key: string): [string, string] {
  const word = wordOf(key);
  return [`.${word}`, key.length > word.length ? key.slice(0, -word.length) : '.'];
}
