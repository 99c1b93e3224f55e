module rollout.test/servers/crds

go 1.26.0

require (
	github.com/argoproj/argo-rollouts v1.8.3
	github.com/fluxcd/flagger v1.36.1
	github.com/prometheus-operator/prometheus-operator v0.85.0
	github.com/servicemeshinterface/smi-sdk-go v0.5.0
	istio.io/api v1.31.1
	sigs.k8s.io/gateway-api v1.6.3
)
