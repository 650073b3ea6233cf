// Every text of the program that is not the server's, in one place.
export const strings = {
  product: 'Dispatch',
  errors: {
    offline: 'The server cannot be reached. Check the network; nothing was lost on this page.',
    notJson: (status: number) => `The server answered ${status} with something that is not JSON. Is a proxy in between?`,
    status: (status: number) => `The server answered ${status}.`,
    title: 'That did not work',
    retry: 'Try again',
  },
  frame: {
    incidents: 'Incidents', report: 'Report incident', status: 'Status', settings: 'Settings', plugins: 'Plugins', members: 'Members',
    types: 'Incident types', priorities: 'Priorities', severities: 'Severities', tags: 'Tags', tagTypes: 'Tag types', projects: 'Projects',
    notifications: 'Notifications', workflows: 'Workflows', teams: 'Teams', services: 'Services', apiDocs: 'API documentation', logout: 'Log out', dark: 'Dark mode', light: 'Light mode',
    reconnecting: 'Live updates are interrupted. Reconnecting…', shortcuts: 'Keyboard shortcuts', menu: 'Menu',
  },
  admin: {
    missing: 'An Admin is still missing',
    explain: 'Nobody can change settings or plugins in this organization yet. Run this on the server, then reload:',
    copy: 'Copy', copied: 'Copied',
  },
  login: {
    title: 'Log in', register: 'Create an account', registerTitle: 'Create your account', haveAccount: 'I already have an account',
    submit: 'Log in', submitRegister: 'Create account', email: 'E-mail', password: 'Password', show: 'Show password', hide: 'Hide password',
    length: (have: number) => `${have} of at least 15 characters`, closed: 'Registration is closed here. Ask an Admin for an account.',
  },
  incidents: {
    title: 'Incidents', search: 'Search incidents', filters: 'Filters', clear: 'Clear filters', none: 'No incidents yet',
    noneText: 'When something breaks, report it: the ticket, the people and the messages follow by themselves.',
    noMatch: 'No incident matches', noMatchText: 'Change the words or the filters.', report: 'Report incident', csv: 'Export CSV',
  },
  report: {
    title: 'Report an incident', intro: 'Say what you know now. Everything can be changed later.', submit: 'Report incident',
    titleField: 'Title', description: 'Description', project: 'Project', type: 'Type', priority: 'Priority', severity: 'Severity', tags: 'Tags',
    kind: 'Kind', draft: 'Your draft from before was restored.', discard: 'Discard draft', visibility: 'Visibility',
    titleHint: 'One line that tells the next person what is wrong', descriptionHint: 'What do you see? Since when? Who is affected?',
  },
  receipt: {
    title: 'Incident Report', intro: 'The incident is recorded. What follows happens by itself; this page fills in as it does.', open: 'Open the incident',
    another: 'Report another',
  },
  incident: {
    details: 'Details', people: 'People', timeline: 'Timeline', steps: 'Steps', save: 'Save changes', discard: 'Discard', commander: 'Incident commander',
    reporter: 'Reporter', addPerson: 'Add', addPersonLabel: 'E-mail address of a person', makeCommander: 'Make commander', remove: 'Remove', join: 'Join',
    noSteps: 'No steps yet', noPeople: 'Nobody takes part', addEvent: 'Add to the timeline', eventText: 'What happened?',
    changedElsewhere: 'Somebody changed this incident meanwhile.', reload: 'Show their version', overwrite: 'Keep mine', unsaved: 'You have unsaved changes. Leave and lose them?',
    resolution: 'Resolution', ticket: 'Ticket', recreate: 'Try what is missing again', left: 'left',
    moveTo: (status: string) => `Move to ${status}`,
    missing: 'This incident does not exist, or you may not see it',
  },
  steps: {
    states: { pending: 'Waiting', running: 'Running', done: 'Done', failed: 'Failed', skipped: 'Skipped', waiting: 'Will be tried again', uncertain: 'Uncertain' },
    retry: 'Retry', sendAgain: 'Send again', confirm: 'It was sent', skip: 'Skip', attempt: (n: number) => `attempt ${n}`,
    uncertain: 'It may have happened: the connection broke before the answer. Check the other side, then decide.',
    nextTry: 'next try', progress: (done: number, all: number) => `${done} of ${all} steps ended`,
    kinds: {
      'incident.create': 'Incident created', 'incident.update': 'Incident changed', 'incident.status': 'Status changed', 'incident.role': 'Role changed',
      'incident.participant': 'Participant changed',
    } as Record<string, string>,
  },
  plugins: {
    title: 'Plugins', intro: 'What Dispatch does, it does through plugins. Enable what this project needs.', project: 'Project', version: 'Version', author: 'Author',
    type: 'Type', enabled: 'Enabled', configure: 'Configure', test: 'Test', testing: 'Testing…', save: 'Save', testInput: 'For this test',
    managed: (origin: string) => `Managed in ${origin}; change it there.`, unusable: 'Cannot be used', noSettings: 'This plugin has no settings.',
    worked: 'It works', failed: 'It does not work', secretSet: 'A value is stored. Leave empty to keep it.', clearSecret: 'Remove the stored value',
    unconfigured: 'not configured', add: 'Add to project', saved: 'Saved', none: 'No plugin is installed',
    noneText: 'Plugins are found on the search path of dispatch.yaml. See docs/operators.md.',
  },
  members: { title: 'Members', role: 'Role', email: 'E-mail', lastLogin: 'Last login', never: 'never', you: 'you', changed: (email: string, role: string) => `${email} is now ${role}` },
  settings: { create: 'New', edit: 'Edit', remove: 'Delete', cancel: 'Cancel', save: 'Save', removeAsk: (name: string) => `Delete “${name}”? This cannot be undone.`, none: 'Nothing here yet', default: 'default', disabled: 'disabled' },
  notFound: { title: 'Page not found', text: 'The address leads nowhere here.', home: 'To the incidents' },
  forbidden: 'Only Admins, Managers and Owners can open this page.',
  utc: (text: string) => `${text} UTC`,
}
