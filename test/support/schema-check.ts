/** Checks a value against the part of JSON Schema that the schemas of the HTTP face use; answers what does not fit. */
import type { Schema } from '../../src/http/schemas.js'

type Components = Readonly<Record<string, Schema>>

export function faults(value: unknown, schema: Schema, components: Components, at = '$'): string[] {
  if (schema.$ref !== undefined) {
    const target = components[schema.$ref.replace('#/components/schemas/', '')]
    return target === undefined
      ? [`${at}: ${schema.$ref} leads nowhere`]
      : faults(value, target, components, at)
  }
  const found: string[] = []
  if (schema.type !== undefined && ![schema.type].flat().some(type => isOfType(value, type))) {
    return [`${at}: ${JSON.stringify(value)} is not ${schema.type}`]
  }
  if ('const' in schema && value !== schema.const) found.push(`${at}: is not ${schema.const}`)
  if (schema.enum !== undefined && !schema.enum.includes(value))
    found.push(`${at}: is none of ${schema.enum}`)
  if (schema.oneOf !== undefined) {
    const fitting = schema.oneOf.filter(option => faults(value, option, components, at).length === 0)
    if (fitting.length !== 1) found.push(`${at}: fits ${fitting.length} of oneOf`)
  }
  if (typeof value === 'string' && schema.pattern !== undefined && !new RegExp(schema.pattern).test(value)) {
    found.push(`${at}: does not match ${schema.pattern}`)
  }
  if (typeof value === 'string' && schema.format === 'date-time' && Number.isNaN(Date.parse(value))) {
    found.push(`${at}: is no time`)
  }
  if (typeof value === 'number' && value < (schema.minimum ?? value)) found.push(`${at}: is too small`)
  if (Array.isArray(value)) {
    const { items } = schema
    if (items !== undefined)
      found.push(...value.flatMap((item, i) => faults(item, items, components, `${at}[${i}]`)))
  } else if (typeof value === 'object' && value !== null) {
    found.push(...fieldFaults(value as Record<string, unknown>, schema, components, at))
  }
  return found
}

function fieldFaults(
  value: Record<string, unknown>,
  schema: Schema,
  components: Components,
  at: string
): string[] {
  const found = (schema.required ?? [])
    .filter(name => !(name in value))
    .map(name => `${at}: ${name} is missing`)
  for (const [name, field] of Object.entries(value)) {
    const known = schema.properties?.[name]
    if (known !== undefined) found.push(...faults(field, known, components, `${at}.${name}`))
    else if (schema.additionalProperties === false) found.push(`${at}: ${name} is not described`)
  }
  return found
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === type
}
