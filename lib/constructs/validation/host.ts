/**
 * Checks the endpoint of a server: its syntax, and that it does not lead to something on which no migration can run.
 */
import { isIP, isIPv4 } from 'node:net';
import { CfnResource, Reference, Token, Tokenization } from 'aws-cdk-lib';
import { describeFault, type PropCheck } from './prop-checks';

const HOST_RULE = "must be the host name of the writer's endpoint, without scheme, port, user or path";

const LABEL = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;

export const hostCheck: PropCheck = (value, name) => {
  if (typeof value !== 'string') return describeFault(name, value, HOST_RULE);
  if (Token.isUnresolved(value)) return findWrongReference(value, name);
  if (isIP(value.replace(/^\[|\]$/g, '')) === 6) {
    return describeFault(name, value, `${HOST_RULE}; Trueup's function speaks IPv4 only`);
  }
  const wrong = WRONG_HOSTS.find(({ matches }) => matches.test(value));
  if (wrong) return describeFault(name, value, wrong.what);
  return isIPv4(value) || isHostName(value) ? undefined : describeFault(name, value, HOST_RULE);
};

/** Returns whether the text is a host name. DNS allows a dot at its end, which marks a complete name. */
function isHostName(value: string): boolean {
  const labels = value.replace(/\.$/, '').split('.');
  // A last label of only digits is a mistyped address.
  return value.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1)!);
}

const READER_ENDPOINT =
  "leads to read-only replicas; give the writer's endpoint (of a cluster: ….cluster-…, without ro)";
const PROXY_ENDPOINT =
  "leads to RDS Proxy, which pins sessions and hides who holds a lock; give the database's own endpoint";

/** Host names that reveal an unsuitable server. */
const WRONG_HOSTS: readonly { readonly matches: RegExp; readonly what: string }[] = [
  { matches: /\.proxy-[a-z0-9]+\./i, what: PROXY_ENDPOINT },
  { matches: /\.cluster-ro-[a-z0-9]+\./i, what: READER_ENDPOINT },
  {
    matches: /\.cluster-custom-[a-z0-9]+\./i,
    what: "is a cluster's custom endpoint, which may lead to a reader; give the writer's endpoint",
  },
  {
    matches: /\.dsql(?:-[a-z0-9]+)?\.[a-z0-9-]+\.on\.aws\.?$/i,
    what: 'leads to Aurora DSQL, which allows one DDL statement a transaction and has no PL/pgSQL; Trueup cannot work there',
  },
  {
    matches: /\.redshift(?:-serverless)?\.amazonaws\.com(?:\.cn)?\.?$/i,
    what: 'leads to Redshift, which is not PostgreSQL; Trueup cannot work there',
  },
  {
    matches: /^(?:localhost\.?|127(?:\.\d+){3}|0\.0\.0\.0)$/i,
    what: "is the machine that connects, here the function itself; give the server's endpoint",
  },
];

/** Checks an endpoint of this app: it is a token, but the resource and the attribute behind it are known. */
function findWrongReference(value: string, name: string): string | undefined {
  for (const reference of listReferences(value)) {
    const type = (reference.target as CfnResource).cfnResourceType;
    const what = /^AWS::RDS::DBProxy/.test(type)
      ? PROXY_ENDPOINT
      : /^ReadEndpoint\b/.test(reference.displayName)
        ? READER_ENDPOINT
        : undefined;
    if (what !== undefined)
      return `${name} is ${reference.displayName} of ${reference.target.node.path}; it ${what}`;
  }
  return undefined;
}

/** Returns the references in a value, e.g. to the cluster's name in its ARN. These are what other stacks import. */
export function listReferences(value: string | number | undefined): Reference[] {
  const tokens =
    typeof value === 'string'
      ? Tokenization.reverseString(value).tokens
      : [typeof value === 'number' ? Tokenization.reverseNumber(value) : undefined];
  return tokens.filter(
    (token): token is Reference => Reference.isReference(token) && CfnResource.isCfnResource(token.target),
  );
}
