/** Maps functions to the contrib or PostGIS extension that provides them, for sources that do not tell. Pure. */

/** Names of functions that are unambiguous. `delete` of hstore, for example, is not listed. */
const FUNCTIONS_BY_EXTENSION: Readonly<Record<string, RegExp>> = {
  dblink: /^dblink(_connect|_disconnect|_exec|_send_query|_get_result)?$/,
  earthdistance: /^(earth_distance|earth_box|ll_to_earth)$/,
  fuzzystrmatch: /^(levenshtein(_less_equal)?|soundex|metaphone|dmetaphone(_alt)?|daitch_mokotoff)$/,
  hstore: /^(hstore(_to_json|_to_jsonb|_to_matrix)?|akeys|avals|skeys|svals)$/,
  ltree: /^(nlevel|subltree|subpath|ltree2text|text2ltree)$/,
  pg_trgm: /^((strict_)?word_similarity|similarity|show_trgm)$/,
  pgcrypto:
    /^(crypt|gen_salt|digest|hmac|gen_random_bytes|(de)?armor|pgp_(sym|pub)_(en|de)crypt(_bytea)?|encrypt_iv|decrypt_iv)$/,
  postgis:
    /^st_(as(binary|ewkb|ewkt|geojson|mvt|mvtgeom|text|twkb)|area|boundary|buffer|centroid|collect|contains|covers|crosses|disjoint|distance|distancesphere|dwithin|envelope|equals|geogfromtext|geographyfromtext|geohash|geometrytype|geomfrom(ewkt|geojson|text|wkb)|intersection|intersects|isvalid|length|makeenvelope|makepoint|makevalid|overlaps|point|pointonsurface|setsrid|simplify|srid|tileenvelope|touches|transform|union|within|x|y)$/,
  tablefunc: /^(crosstab([234n])?|connectby|normal_rand)$/,
  unaccent: /^unaccent$/,
  'uuid-ossp': /^uuid_(generate_v(1|1mc|3|4|5)|nil|ns_(dns|url|oid|x500))$/,
};

export const findExtensionOfFunction = (name: string): string | null =>
  Object.entries(FUNCTIONS_BY_EXTENSION).find(([, names]) => names.test(name))?.[0] ?? null;
