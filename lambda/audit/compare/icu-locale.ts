/**
 * Normalizes names of ICU locales. Since PostgreSQL 16 they are stored as language tags (`de-u-co-phonebk`). Earlier
 * versions store them as given (`de@collation=phonebook`). Pure.
 */

const ICU_KEYS: Readonly<Record<string, string>> = {
  colalternate: 'ka',
  colbackwards: 'kb',
  colcasefirst: 'kf',
  colcaselevel: 'kc',
  colhiraganaquaternary: 'kh',
  collation: 'co',
  colnormalization: 'kk',
  colnumeric: 'kn',
  colreorder: 'kr',
  colstrength: 'ks',
};

const ICU_VALUES: Readonly<Record<string, string>> = {
  yes: 'true',
  no: 'false',
  primary: 'level1',
  secondary: 'level2',
  tertiary: 'level3',
  quaternary: 'level4',
  quarternary: 'level4',
  identical: 'identic',
  'non-ignorable': 'noignore',
  dictionary: 'dict',
  gb2312han: 'gb2312',
  phonebook: 'phonebk',
  traditional: 'trad',
};

/** Returns a form that is equal for all names of one locale. It is only meant for comparison. */
export function normalizeIcuLocale(locale: string): string {
  const lower = locale.toLowerCase();
  const [place = '', keywords] = lower.split('@', 2);
  const [tag = '', extension] = place.replaceAll('_', '-').split('-u-', 2);
  const settings =
    keywords === undefined
      ? [...(extension ?? '').matchAll(/(?:^|-)([a-z0-9]{2})(?=-|$)((?:-[a-z0-9]{3,8})*)/g)].map(
          ([, name = '', value = '']) => [name, value.slice(1)] as const,
        )
      : keywords.split(';').map((each) => {
          const [name = '', value = ''] = each.split('=', 2);
          return [ICU_KEYS[name] ?? name, ICU_VALUES[value] ?? value] as const;
        });
  const language = tag === '' || tag === 'root' ? 'und' : tag;
  return [language, ...settings.map(([name, value]) => `${name}-${value || 'true'}`).sort()].join(' ');
}
