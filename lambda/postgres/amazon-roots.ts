/**
 * Amazon's certificate authorities for RDS and Aurora, three a region (amazon-roots.json): the self-signed roots of
 * https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem, as AWS Labs ship them in awslabs.postgres-mcp-server
 * 1.2.2 (Apache-2.0): the first 108 certificates there are that file, byte for byte, as others recorded it in September 2026
 * (SHA-256 e5bb2084ccf45087bda1c9bffdea0eb15ee67f0b91646106e466714f9de3c7e3). Without those of the beta and preview
 * environments, and without China's and GovCloud's, which are in bundles of their own and not here.
 */

/** PEM texts by region. */
export type AmazonRoots = Readonly<Record<string, readonly string[]>>;

/** The region that an endpoint of RDS or Aurora names; undefined for any other host. */
export function regionOfHost(host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, '');
  return (
    name.match(/\.([a-z0-9-]+)\.rds\.amazonaws\.com$/)?.[1] ??
    name.match(/\.rds\.([a-z0-9-]+)\.amazonaws\.com\.cn$/)?.[1]
  );
}

/** Where AWS publishes a region's authorities (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html). */
export function bundleUrl(region: string): string {
  const file = `${region}/${region}-bundle.pem`;
  if (region.startsWith('cn-')) return `https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/${file}`;
  if (region.startsWith('us-gov-')) return `https://truststore.pki.us-gov-west-1.rds.amazonaws.com/${file}`;
  return `https://truststore.pki.rds.amazonaws.com/${file}`;
}

/** The authorities of the host's region as one PEM text; undefined where the host or its region is not known here. */
export function rootsOfHost(host: string, roots: AmazonRoots): string | undefined {
  const region = regionOfHost(host);
  return region !== undefined && Object.hasOwn(roots, region) ? roots[region]!.join('') : undefined;
}
