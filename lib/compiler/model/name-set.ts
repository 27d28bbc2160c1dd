/** A set of relation keys, indexed by their unqualified name and by their schema. */
import { isQualified, stripSchema } from './search-path';

export class NameSet extends Set<string> {
  private readonly groups = new Map<string, Set<string>>();

  override add(key: string): this {
    for (const group of listGroups(key))
      this.groups.set(group, (this.groups.get(group) ?? new Set()).add(key));
    return super.add(key);
  }

  override delete(key: string): boolean {
    for (const group of listGroups(key)) this.groups.get(group)?.delete(key);
    return super.delete(key);
  }

  /** Returns the keys with this unqualified name. */
  withWord(word: string): string[] {
    return [...(this.groups.get(`.${word}`) ?? [])];
  }

  /** Returns the keys in this schema; an empty string stands for keys without a schema. */
  inSchema(schema: string): string[] {
    return [...(this.groups.get(`${schema}.`) ?? [])];
  }
}

export const toUnqualifiedName = (key: string): string => (isQualified(key) ? stripSchema(key) : key);

function listGroups(key: string): [string, string] {
  const word = toUnqualifiedName(key);
  return [`.${word}`, key.length > word.length ? key.slice(0, -word.length) : '.'];
}
