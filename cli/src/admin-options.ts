/** The two options by which commands find a gateway's admin port. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { httpUrl } from './option-values.ts';

export type AdminOptions = { readonly adminUrl: string; readonly adminToken?: string };

const url = (): Option => new Option('--admin-url <url>', "the gateway's admin port, such as http://127.0.0.1:4001").argParser(httpUrl);
const token = (): Option => new Option('--admin-token <token>', 'the admin token').env('OFFLOADER_ADMIN_TOKEN');

/** Adds --admin-url (required) and --admin-token. */
export const withAdmin = (command: Command): Command => command.addOption(url().makeOptionMandatory()).addOption(token());

/** Adds both as options that may be left out. */
export const withOptionalAdmin = (command: Command): Command => command.addOption(url()).addOption(token());
