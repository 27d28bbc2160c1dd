/**
 * Verify sections that are not run, because they may run code that is not trusted with the login's privileges. They
 * count neither as verified nor as failed.
 */

export interface NotChecked {
  readonly migration: string;
  /** The code that it may run, with its owner: `role: object`. */
  readonly code: readonly string[];
}

/** If more than this share is not checked, the report says which login could check it. */
const MAX_UNCHECKED_SHARE = 0.1;

/**
 * Returns a line that names the role that a login must be a member of to check the objects.
 * @param all number of objects that should have been checked
 */
export function describeRequiredLogin(
  unchecked: readonly Pick<NotChecked, 'code'>[],
  all: number,
): readonly string[] {
  if (unchecked.length <= MAX_UNCHECKED_SHARE * all) return [];
  const roles = new Set(
    unchecked.flatMap(({ code }) => code.flatMap((each) => /^(\S+): /.exec(each)?.[1] ?? [])),
  );
  const who = [...roles].join(' and of ');
  return [
    `${unchecked.length} of ${all} are not checked; a login that is a member of ${who || 'the role that owns the code'} and has no other privileges can check them`,
  ];
}
