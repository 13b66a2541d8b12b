{{/* Labels of every object. Pod templates carry only the selector's: a new chart version alone restarts nothing. */}}
{{- define "offloader.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{ include "offloader.selector" . }}
{{- end }}

{{- define "offloader.selector" -}}
app.kubernetes.io/name: offloader
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/*
What names begin with: the release's name, or a part of it and its hash. Kubernetes labels the pods of a StatefulSet with its name
and eleven characters more, and takes 63.
*/}}
{{- define "offloader.base" -}}
{{- if gt (len .Release.Name) 44 -}}
{{ printf "%s-%s" (trunc 35 .Release.Name | trimSuffix "-") (sha256sum .Release.Name | trunc 8) }}
{{- else -}}
{{ .Release.Name }}
{{- end -}}
{{- end }}

{{- define "offloader.image" -}}
{{- $tag := .image.tag | default .root.Chart.AppVersion -}}
{{ printf (hasPrefix "sha256:" $tag | ternary "%s@%s" "%s:%s") .image.repository $tag | quote }}
{{- end }}

{{- define "offloader.secretName" -}}
{{ .Values.gateway.existingSecret | default (printf "%s-gateway-secrets" (include "offloader.base" .)) }}
{{- end }}

{{/* A value as it was written: YAML numbers come as floats and must not end as 2.6e+08. */}}
{{- define "offloader.plain" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{/* The user's environment: values sorted by name, then what comes from elsewhere. */}}
{{- define "offloader.env" -}}
{{- range $name, $value := .env }}
- name: {{ $name }}
  value: {{ include "offloader.plain" $value | quote }}
{{- end }}
{{- with .extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The values' own, or nodes shared out evenly where that is possible. */}}
{{- define "offloader.spread" -}}
{{- with .constraints }}
{{- toYaml . }}
{{- else -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- .selector | nindent 6 }}
{{- end }}
{{- end }}

{{/* A quantity of bytes in whole MiB. */}}
{{- define "offloader.mebibytes" -}}
{{- $text := include "offloader.plain" . -}}
{{- $amount := regexFind "^[0-9]+([.][0-9]+)?" $text | float64 -}}
{{- $bytes := dict "Pi" 1125899906842624 "Ti" 1099511627776 "Gi" 1073741824 "Mi" 1048576 "Ki" 1024 "P" 1000000000000000 "T" 1000000000000 "G" 1000000000 "M" 1000000 "k" 1000 "" 1 -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- if not (hasKey $bytes $unit) -}}{{ fail (printf "write %s in Mi or Gi" $text) }}{{- end -}}
{{ floor (divf (mulf $amount (get $bytes $unit)) 1048576) | int64 }}
{{- end }}

{{/* The restricted profile. What the values say instead takes the place of all of it. */}}
{{- define "offloader.podSecurity" -}}
{{- with .podSecurityContext }}
{{- toYaml . }}
{{- else -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}
{{- end }}

{{- define "offloader.containerSecurity" -}}
{{- with .securityContext }}
{{- toYaml . }}
{{- else -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}
{{- end }}
