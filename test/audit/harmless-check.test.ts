/** Which CHECKs an audit runs over the rows: those that can call nothing but what the server brings. */
import { expect, test } from 'vitest';
import { extractHarmlessCheck } from '../../lambda/audit/data/contradictions';

const check = (condition: string, type = 'text') =>
  extractHarmlessCheck({ definition: `CHECK (${condition}) NOT VALID`, columns: ['own'] }, () => type);

test.each([
  `(own = 'a.b(c)'::text)`,
  `(char_length((own)::text) <= 150)`,
  `((own = ANY (ARRAY['x'::text, 'y'::text])) OR (own IS NULL))`,
  `(("Own" IS NOT NULL) AND ((own)::numeric(10,2) > 0.5))`,
  `CASE WHEN (own ~ '^a'::text) THEN true ELSE (own <> ''::text) END`,
])('asked: %s', (condition) => expect(check(condition)).toBe(`(${condition})`));

test.each([
  [`public.fits(own)`],
  [`(own OPERATOR(public.=) 'a'::text)`],
  [`((own)::public.mood = 'glad'::public.mood)`],
  [`"length"(own) > 1`],
  [`(pg_terminate_backend(1) OR (own IS NULL))`],
  [`(lo_export(1, own) = 1)`],
  [`(t.* IS NOT NULL)`],
  [`(own = E'\\\\'::text)`],
])('not asked: %s', (condition) => expect(check(condition!)).toBeNull());

test.each(['public.mood', '"char"', 'mood.'])(
  'not asked, as its casts are hidden: a column of type %s',
  (type) => expect(check('(own IS NULL)', type)).toBeNull(),
);

test.each(['character varying(20)', 'timestamp(3) with time zone', 'integer[]', 'double precision'])(
  'asked: a column of type %s',
  (type) => expect(check('(own IS NOT NULL)', type)).not.toBeNull(),
);
