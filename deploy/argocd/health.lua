-- How does a Rollout, a GitSource or a MeshMigration stand, in Argo CD's words: Healthy, Progressing, Suspended or Degraded?
--
-- From the conditions and the phase alone, so that it says what kubectl shows. Suspended: it waits for a person or a freeze, which
-- is no fault and may take days. Argo CD calls this with status absent, too, and indexes nothing for us.

local waiting = {
  AwaitingApproval = true,
  PolicyMissing = true,
  AuthorUnproven = true,
  Frozen = true,
  Paused = true,
  StableUnknown = true,
  StableChanged = true,
  HandEdit = true,
  Suspended = true,
  RouteFought = true,
  RouteNamesGone = true,
  -- of a MeshMigration
  PreflightBlocks = true,
  Blocked = true,
  Unacknowledged = true,
  WaitingForCommit = true,
  SelfTestImpossible = true,
  OwnedByAnother = true,
  NamespaceGone = true,
  GateClosed = true,
  ByHand = true,
  RefusalsUnseen = true,
  CallersOutside = true,
  Drift = true,
  FallenBack = true,
  RolledBack = true,
  FallbackBudgetSpent = true,
  BudgetMissing = true,
  CertificateEnding = true,
  WebhookUncallable = true,
}

local status = obj.status or {}
local found = {}
for _, condition in ipairs(status.conditions or {}) do
  found[condition.type] = condition
end

local function says(kind, value)
  return found[kind] ~= nil and found[kind].status == value
end

local ready = found.Ready
local answer = { status = "Progressing", message = "Waiting for the controller's first look" }
if ready ~= nil then
  answer.message = ready.message or ready.reason or ""
end

local generation = obj.metadata ~= nil and obj.metadata.generation or nil
local is_old = status.observedGeneration ~= nil and generation ~= nil and status.observedGeneration ~= generation

if is_old then
  answer.message = "The controller has not seen the newest spec yet"
elseif status.phase == "Failed" or says("Stalled", "True") then
  answer.status = "Degraded"
elseif says("Ready", "True") then
  answer.status = "Healthy"
elseif ready ~= nil and waiting[ready.reason] then
  answer.status = "Suspended"
end

return answer
