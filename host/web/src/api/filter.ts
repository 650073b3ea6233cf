/** The filter expression for what belongs to one project; no project is no filter. */
export const inProject = (name: string | undefined) =>
  name ? { and: [{ model: 'Project', field: 'name', op: '==', value: name }] } : undefined
