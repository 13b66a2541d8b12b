// How to make the same request elsewhere. The key never stands in a snippet: it is read from OFFLOADER_API_KEY.

/** One request as curl in a POSIX shell, as TypeScript and as Python. `query` is a list of [name, value]. */
export const snippetsOf = ({ baseUrl, path, query, needsKey }) => {
  const search = new URLSearchParams(query).toString();
  const url = `${baseUrl.replace(/\/+$/, '')}${path}${search === '' ? '' : `?${search}`}`;
  const quoted = JSON.stringify(url);
  const inShell = `'${url.replaceAll("'", `'\\''`)}'`;
  return {
    curl: needsKey
      ? `curl --fail-with-body --header "Authorization: Bearer $OFFLOADER_API_KEY" \\\n  ${inShell}\n`
      : `curl --fail-with-body ${inShell}\n`,
    TypeScript: [
      `const response = await fetch(${quoted}${needsKey ? ', {' : ');'}`,
      ...(needsKey ? ['  headers: { Authorization: `Bearer ${process.env.OFFLOADER_API_KEY}` },', '});'] : []),
      'if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);',
      'const { data, meta } = await response.json();',
      'console.log(meta.row_count, data);',
      '',
    ].join('\n'),
    Python: [
      'import json',
      ...(needsKey ? ['import os'] : []),
      'import urllib.request',
      '',
      needsKey ? `request = urllib.request.Request(` : `request = urllib.request.Request(${quoted})`,
      ...(needsKey ? [`    ${quoted},`, `    headers={"Authorization": "Bearer " + os.environ["OFFLOADER_API_KEY"]},`, ')'] : []),
      'with urllib.request.urlopen(request) as response:',
      '    answer = json.load(response)',
      'print(answer["meta"]["row_count"], answer["data"])',
      '',
    ].join('\n'),
  };
};
