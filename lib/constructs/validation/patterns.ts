/** Checks values that become part of the alarms' filter patterns, or of pages. */
import { Token } from 'aws-cdk-lib';
import { SIGNATURES } from '../../../lambda/defects/signatures';
import type { ApplicationLogGroup } from '../alarms/application-log-group';
import { PROPERTY_SELECTOR } from '../alarms/log-patterns';
import { describeFault, type PropCheck, type PropChecks } from './prop-checks';
import { propsCheck, text, urlCheck } from './values';

const quotableCheck = text({
  must: 'must be a phrase of plain ASCII, up to 256 characters, without double quotes and backslashes, which a filter pattern cannot hold',
  matches: /^[ !#-[\]-~]{1,256}$/,
});

export const quotableRoleCheck = text({
  must: 'must be the name of a role, in plain ASCII without quotes and backslashes, which a filter pattern cannot hold',
  matches: /^(?!.*:\/\/)[ !#-[\]-~]{1,63}$/,
});

/**
 * Checks a phrase that excludes lines. A phrase that every line of an error contains would disable the error's alarm.
 */
export const phraseCheck: PropCheck = (value, name) => {
  const problem = quotableCheck(value, name);
  if (problem !== undefined || Token.isUnresolved(value)) return problem;
  const deaf = SIGNATURES.find(({ messages }) =>
    messages.some(({ begins, holds }) =>
      [`ERROR:  ${begins}`, ...holds].some((words) => words.includes(value as string)),
    ),
  );
  return (
    deaf &&
    describeFault(
      name,
      value,
      `must not be part of every error of a kind; with it the alarm ${deaf.id} would never go up`,
    )
  );
};

const selectorCheck = text({
  must: 'must say where the field is in the JSON document, e.g. $.err.code',
  matches: PROPERTY_SELECTOR,
  known: true,
});
const SELECTORS_CHECKS: PropChecks<NonNullable<ApplicationLogGroup['json']>> = {
  sqlstate: selectorCheck,
  message: selectorCheck,
};
export const selectorsCheck = propsCheck(SELECTORS_CHECKS);

const anyUrlCheck = urlCheck('must be a URL, e.g. https://wiki.example.com/trueup/defects/', [
  'https',
  'http',
]);

/** Checks the runbook URL, which is printed in pages and in the descriptions of alarms. */
export const runbookUrlCheck: PropCheck = (value, name) => {
  const problem = anyUrlCheck(value, name);
  if (problem !== undefined || Token.isUnresolved(value)) return problem;
  const { username, password, host } = new URL(value as string);
  return username === '' && password === ''
    ? undefined
    : `${name} is a URL of ${host} with a user in it; it must have none, since it is printed in every page`;
};
