// Lint: strict, with full types; the limits keep a file to one subject. Each rule that is off carries its reason.
import tseslint from 'typescript-eslint';

// State is held in closures, which a limit on function length would count as one function: the file's length, complexity,
// depth and parameters bound what a reader has to hold.
const limits = {
  'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
  complexity: ['error', 15],
  'max-depth': ['error', 3],
  'max-params': ['error', 5],
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.demo/**', '**/*.mjs', '**/*.cjs', '**/*.js'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...limits,
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.object.name='jest'][callee.property.name=/^(mock|unstable_mockModule)$/]",
          message: 'No module mocks: pass a port.',
        },
        { selector: 'ExportDefaultDeclaration', message: 'No default exports: a name is found by searching for it.' },
      ],
      // Numbers in messages are what templates are for.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // An async function without await is how an interface that returns promises is met.
      '@typescript-eslint/require-await': 'off',
      // `while (true)` with an abort inside is the clearest loop there is.
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      // `return refuse(…)` is the shortest early exit there is.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // `void promise` says that nobody waits for it, also where the type is void already.
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // winston's own type of a console transport does not pass this rule's idea of a class instance.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // Our ports are plain objects of closures: there is no `this` to lose.
      '@typescript-eslint/unbound-method': 'off',
      // A default case is how the rest of a union is answered alike.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['**/*.test.ts', '**/test/**/*.ts', 'e2e/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 450, skipBlankLines: true, skipComments: true }],
      // A row of a table is as wide as what it tells.
      'max-params': 'off',
      // A table of expectations is one expression.
      complexity: 'off',
      // What comes over the wire in a test is looked at field by field.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
