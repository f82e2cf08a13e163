"""What the linters let pass: template.yaml against the sources, and the other platforms' manifests.

Every check must be able to fail: at the end each line of MUTANTS breaks the template, and has to be caught.
"""

import pathlib
import shutil
import sys
import tempfile

import manifests
import template


ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "shared" / "deploy"

MUTANTS = [
    ("BatchSize: 5", "BatchSizzle: 5"),
    ("provided.al2023", "provided.al1999"),
    ("[!Ref Architecture]", "[x86_64]"),
    ("Handler: bootstrap", "Handler: main"),
    ("Binary: tencent-lke", "Binary: tencent-like"),
    ("rust-cargolambda", "makefile"),
    ("FunctionResponseTypes: [ReportBatchItemFailures]", "FunctionResponseTypes: []"),
    ("MaximumConcurrency: !Ref QueueConcurrency", "MaximumConcurrency: 50"),
    ("State: !If [KeepsWarm, ENABLED, DISABLED]", "State: ENABLED"),
    ("Timeout: 120", "Timeout: 121"),
    ("GRANT_RUNTIME: lambda", "GRANT_RUNTIME: http"),
    ("GRANT_AUTH: gateway", "GRANT_AUTH: none"),
    ('!Sub "dynamodb://${Records}"', "memory"),
    ("LKE_BOT_BIZ_ID:", "LKE_BOT_ID:"),
    ("TENCENT_SECRET_KEY_ARN:", "TENCENT_SECRET_KEY:"),
    ("TENCENT_SECRET_KEY::", "TENCENT_SECRET_ID::"),
    ("${LkeSecret}:TENCENT_SECRET_KEY", "${AiccSecret}:TENCENT_SECRET_KEY"),
    ("GRANT_POLICY: !If [Policed, !Ref Policy,", 'GRANT_POLICY: !If [Policed, !Sub "{{resolve:ssm:${Policy}}}",'),
    ("[MakesSecret, !Ref MadeSecret, !Ref GrantSecret]", "[MakesSecret, !Ref GrantSecret, !Ref MadeSecret]"),
    ('RouteKey: "PUT /huawei-aicc/relay/{ticket}"', 'RouteKey: "PUT /huawei-aicc/relay"'),
    ("AuthorizationType: !If [UseJwt, JWT, AWS_IAM]", "AuthorizationType: NONE"),
    ("AuthorizationType: NONE", "AuthorizationType: !If [UseJwt, JWT, AWS_IAM]"),
    ('PayloadFormatVersion: "2.0"', 'PayloadFormatVersion: "1.0"'),
    ("Resource: !GetAtt LkeQueue.Arn", 'Resource: "*"'),
    ("Queue: !GetAtt LkeQueue.Arn", "Queue: !GetAtt AiccQueue.Arn"),
    ("Resource: !Ref LkeSecret", "Resource: !Ref AiccSecret"),
    ("!GetAtt LkeDeadLetters.Arn, max", "!GetAtt AiccDeadLetters.Arn, max"),
    ("Destination: !GetAtt LkeDeadLetters.Arn", "Destination: !GetAtt LkeQueue.Arn"),
    ("Value: !GetAtt LkeDeadLetters.QueueName", "Value: !GetAtt LkeQueue.QueueName"),
    ("ArnLike: {\"aws:SourceArn\"", "ArnLike: {\"aws:PrincipalArn\""),
    ("Resource: !GetAtt Records.Arn", 'Resource: "*"'),
    ("dynamodb:DeleteItem]", "dynamodb:DeleteItem, dynamodb:Scan]"),
    ("AttributeName: expiration", "AttributeName: expires"),
    ("PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false"),
    ("Action: [kms:Decrypt]", 'Action: ["kms:*"]'),
    ("Outside: {Type: AWS::EC2::Subnet, Condition: MakesNetwork,", "Outside: {Type: AWS::EC2::Subnet,"),
    ("!Not [!Contains [!Ref JwtAudience, \"\"]]\n        Assert", "!Equals [a, a]\n        Assert"),
    ("KeepWarm, Rate,", "Rate,"),
    ("OpenRate: {Type: Number, Default: 20", "OpenRate: {Type: Number, Default: 100"),
    ("\"POST /huawei-aicc/complete\": !If", "\"POST /huawei-aicc/completed\": !If"),
    ('"route":"$context.routeKey"', '"route":"$context.path"'),
    ('MetricName=\\"VendorCalls\\"', 'MetricName=\\"Calls\\"'),
]

MANIFEST_MUTANTS = [
    ("alibaba-fc/s.yaml", "GRANT_AUTH: api-key", "GRANT_AUTH: none"),
    ("alibaba-fc/s.yaml", " ALIBABA_ACCESS_KEY_ID:", " ALIBABA_CLOUD_ACCESS_KEY_ID:"),
    ("alibaba-fc/s.yaml", "${env('GRANT_SECRET')}", "a-secret-in-a-repository"),
    ("alibaba-fc/s.yaml", "logstore: ", "log: "),
    ("alibaba-fc/s.yaml", "eventSinkConfig:", "eventSinks:"),
    ("alibaba-fc/s.yaml", "GRANT_SOURCE_HOSTS:", "GRANT_SOURCE_BUCKETS:"),
    ("cloud-run/service.yaml", "name: tencent-lke-secret-key, key: latest", "name: tencent-lke, key: secret-key"),
    ("compose/compose.yaml", "/run/secrets/grant-secret", "grant-secret"),
    ("kubernetes/deployment.yaml", "GRANT_API_KEYS", "GRANT_KEYS"),
    ("kubernetes/deployment.yaml", "image: upload-grant", "image: grants"),
    ("huawei-functiongraph/http/s.yaml", "auth: None", "auth: NONE"),
    ("huawei-functiongraph/http/s.yaml", "HUAWEI_AICC_AUTH_BASE_URL:", "HUAWEI_AICC_LOCALE:"),
    ("huawei-functiongraph/http/s.yaml", "triggerTypeCode: APIG", "triggerTypeCode: SMN"),
    ("azure/host.json", '"enableForwardingHttpRequest": true', '"enableForwardingHttpRequest": false'),
    ("azure/settings.json", '"value": "http"', '"value": "poll"'),
    ("huawei-functiongraph/queue/bootstrap", "GRANT_RUNTIME=poll", "GRANT_RUNTIME=http"),
    ("knative/service.yaml", "GRANT_API_KEYS", "GRANT_KEYS"),
    ("knative/service.yaml", "spec:", "spec: ["),
    ("knative/trigger.yaml", "cluster-local", "public"),
    ("tencent-scf/queue/serverless.yml", "GRANT_RUNTIME: poll", "GRANT_RUNTIMES: poll"),
    ("tencent-scf/web/serverless.yml", "TENCENT_SECRET_KEY: ", "TENCENTCLOUD_SECRET_KEY: "),
]


def main() -> int:
    text = (ROOT / "template.yaml").read_text()
    faults = template.faults(ROOT, text) + list(manifests.faults(ROOT, DEPLOY))
    for old, new in MUTANTS:
        if old not in text:
            faults.append(f"mutant: {old!r} is not in the template any more")
        elif not template.faults(ROOT, text.replace(old, new, 1)):
            faults.append(f"mutant: {old!r} -> {new!r} went unnoticed")
    for name, old, new in MANIFEST_MUTANTS:
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(shutil.copytree(DEPLOY, scratch, dirs_exist_ok=True))
            text = (folder / name).read_text()
            (folder / name).write_text(text.replace(old, new))
            if old not in text or not list(manifests.faults(ROOT, folder)):
                faults.append(f"mutant: {name}: {old!r} -> {new!r} went unnoticed")
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"template and manifests hold ({len(MUTANTS) + len(MANIFEST_MUTANTS)} mutants caught)")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
