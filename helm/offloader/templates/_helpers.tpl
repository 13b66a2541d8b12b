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

{{- define "offloader.image" -}}
{{ printf "%s:%s" .image.repository (.image.tag | default .root.Chart.AppVersion) | quote }}
{{- end }}

{{- define "offloader.secretName" -}}
{{ .Values.gateway.existingSecret | default (printf "%s-gateway-secrets" .Release.Name) }}
{{- end }}

{{/* The user's environment, sorted by name; YAML numbers come as floats and must not end as 2.6e+08. */}}
{{- define "offloader.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ (kindIs "float64" $value | ternary (int64 $value) $value) | toString | quote }}
{{- end }}
{{- end }}

{{/* A memory quantity in whole MiB. */}}
{{- define "offloader.mebibytes" -}}
{{- $text := toString . -}}
{{- $amount := regexFind "^[0-9]+" $text | int64 -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- if eq $unit "Ti" -}}{{ mul $amount 1048576 }}
{{- else if eq $unit "Gi" -}}{{ mul $amount 1024 }}
{{- else if eq $unit "Mi" -}}{{ $amount }}
{{- else if eq $unit "G" -}}{{ div (mul $amount 1000000000) 1048576 }}
{{- else if eq $unit "M" -}}{{ div (mul $amount 1000000) 1048576 }}
{{- else if eq $unit "" -}}{{ div $amount 1048576 }}
{{- else -}}{{ fail (printf "gateway.resources.limits.memory: write %s in Mi or Gi" $text) }}
{{- end -}}
{{- end }}

{{- define "offloader.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "offloader.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}
