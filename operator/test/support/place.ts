/** What every release of the tests is called and where its gateways are. */
export const adminToken = 'admin-token-of-the-tests';
export const release = 'offloader';
/** One loopback address is all that some systems have without setting up more. */
export const addresses = process.platform === 'linux' ? ['127.0.0.2', '127.0.0.3', '127.0.0.4'] : ['127.0.0.1'];
export const replicas = Math.min(2, addresses.length);
