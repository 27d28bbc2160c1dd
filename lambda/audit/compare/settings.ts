import { quoteWhereNeeded } from '../../sql/quote';
import { key, path } from '../names';
import { type Comparison, type Difference, only } from './difference';
import type { Pair } from './pair';

export function compareSettings({ source, target }: Pair): Comparison {
  const keyOf = ({ role = '', name, inDatabase }: (typeof source.settings)[number]): string =>
    key(role, name.toLowerCase(), String(inDatabase ?? false));
  const here = new Map(target.settings.map((each) => [keyOf(each), each]));
  return only(
    source.settings.flatMap((setting): Difference[] => {
      const { role, name, value, inDatabase } = setting;
      const found = here.get(keyOf(setting));
      if (found?.value === value) return [];
      const database = target.database[0]?.name ?? 'database';
      const where = [
        role === undefined ? '' : `role ${quoteWhereNeeded(role)}`,
        inDatabase ? 'this database' : '',
      ]
        .filter(Boolean)
        .join(' in ');
      return [
        {
          id: 'setting-lost',
          object: role === undefined ? path(database) : quoteWhereNeeded(role),
          message: `The setting ${name} of ${where || 'all'} is ${found ? 'another one than in the source' : 'missing'}.`,
          source: `${name} = ${value}`,
          target: found ? `${name} = ${found.value}` : null,
          lost: [{ kind: 'settings', from: setting, ...(found ? { to: found } : {}) }],
        },
      ];
    }),
  );
}
