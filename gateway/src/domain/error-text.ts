/** What an error says of itself. Not by its class: an error of native code may be of another realm's. */
export const errorText = (error: unknown): string => String((error as { readonly message?: unknown } | null | undefined)?.message ?? error);
